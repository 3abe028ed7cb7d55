"""Sign-in with Google, Apple, Microsoft or another OpenID Connect issuer, and connecting them to an account.

Authlib does the protocol: the code flow with PKCE, a nonce, and a state that lives in our signed cookie, so
an answer is good only in the browser that asked. What may follow from it is domain/people/identities.py.
"""

import json
import logging
from datetime import timedelta
from urllib.parse import urlencode

import requests
from flask import Blueprint, Response, current_app, redirect, session
from htmx_flask import request

from database.clock import now
from database.late import Late
from domain import Refused
from domain.backers import backers
from domain.base import configuration
from domain.people import identities
from views import access, cookies, pages
from views.backers.backers import carried, forget, to_the_gate
from views.codes import CodeFlow
from views.entrance import enter
from views.safety.limits import limited
from views.safety.marks import from_anywhere

authlib, flask_client = Late("authlib.integrations.base_client"), Late("authlib.integrations.flask_client")
errors, joserfc = Late("authlib.common.errors"), Late("joserfc.errors")
blueprint = Blueprint("identities", __name__)
log = logging.getLogger("guildhall.identities")

PATIENCE = 10  # seconds for each question to an issuer
KEPT_FOR = timedelta(days=1)  # its discovery document; new keys are fetched when one is unknown
ANSWERED_WITHIN = timedelta(minutes=30)
SIGNED_WITH = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
# What Apple, Google and Microsoft want in their own way.
SCOPE = {"apple": "openid email name"}
ASKED = {"apple": {"response_mode": "form_post"}, "google": {"prompt": "select_account"}}
ASKED["microsoft"] = ASKED["google"]
DENIED = ("access_denied", "user_cancelled_authorize", "consent_required", "interaction_required")


@blueprint.record_once
def _globals(state):
    """The buttons stand on five pages, the card on one: they ask for themselves what they show."""
    state.app.jinja_env.globals.update(
        identity_providers=identities.providers, identities_of=identities.of, identity_label=identities.label
    )


def _broken():
    """What a dead, broken or hostile issuer may cause."""
    ours = ValueError, KeyError, TypeError, AttributeError, RuntimeError
    return errors.AuthlibBaseError, joserfc.JoseError, requests.RequestException, *ours


class _Direct:
    """Asks an issuer where it said it is, and nowhere that an answer would lead."""

    def get_redirect_target(self, resp):
        return None


def _client(about):
    """Authlib's client for this issuer, with its discovery document, which must be the issuer's own."""
    held = current_app.extensions.setdefault("guildhall_identities", {})
    made_at, client = held.get(about, (None, None))
    if client is None or now() - made_at > KEPT_FOR:
        client = flask_client.OAuth(current_app._get_current_object()).register(  # type: ignore[attr-defined]
            about.name,
            client_id=about.client_id,
            server_metadata_url=f"{about.issuer.rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={
                "scope": SCOPE.get(about.name, "openid email profile"),
                "code_challenge_method": "S256",
                "default_timeout": PATIENCE,
                "leeway": 0,  # the access token is used at once, however short it lives
            },
        )
        client.client_cls = type("Direct", (_Direct, client.client_cls), {})
        said = client.load_server_metadata()
        if not identities.is_issuer(about, said.get("issuer")):
            raise ValueError("the discovery document is another issuer's")
        listed = said.get("id_token_signing_alg_values_supported") or ["RS256"]
        said["id_token_signing_alg_values_supported"] = [one for one in listed if one in SIGNED_WITH]
        ways = said.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        basic = "client_secret_basic" in ways and about.name != "apple"
        client.client_kwargs["token_endpoint_auth_method"] = "client_secret_basic" if basic else "client_secret_post"
        held[about] = (now(), client)
    client.client_secret = identities.secret_of(about)
    return client


def _callback_address(about):
    return f"{configuration.active.site_url}/auth/callback/{about.name}"


# --- there ------------------------------------------------------------------------------------------------------


@blueprint.post("/auth/<provider>")
@limited("identity")
@access.public
def start(provider):
    """Send the browser to the provider: to sign in or up, or (`intent` connect) to connect it to who is signed in."""
    about = identities.provider(provider)
    intent = request.form.get("intent", "")
    target = access.same_site(request.form.get("next"))
    user = access.me()
    if intent == "connect":
        if user is None:
            raise access.Unauthenticated("Please sign in first.")
        identities.may_connect(about.name)
    elif user is not None:
        return pages.go(target or "/app")
    began = {"intent": intent, "next": target, "user": user and user.id, "at": int(now().timestamp())}
    try:
        client = _client(about)
        made = client.create_authorization_url(_callback_address(about), **ASKED.get(about.name, {}))
    except _broken() as error:
        return _back(began, _failure(about, error))
    _forget_states()
    client.save_authorize_data(
        redirect_uri=_callback_address(about),
        **began,
        **{part: made[part] for part in ("state", "nonce", "code_verifier")},
    )
    return _leave(made["url"], about.label)


def _forget_states():
    """One arrival at a time: what others began is void, and the cookie stays small."""
    for key in [key for key in session if key.startswith("_state_")]:
        session.pop(key)


def _leave(url, label):
    """To another site. A plain form may not be redirected there (Content-Security-Policy), so a page leads on."""
    if request.htmx:
        return Response("", 204, {"HX-Redirect": url})
    return pages.page("people/auth/leaving.html", url=url, label=label)


# --- and back -----------------------------------------------------------------------------------------------------


@blueprint.post("/auth/callback/apple")
@from_anywhere
@access.public
def posted():
    """Apple posts its answer from its own site, without our cookie: once more as a GET, which has it."""
    identities.provider("apple")
    parts = ("code", "state", "error", "user")
    fields = {part: request.form[part][:4000] for part in parts if part in request.form}
    return redirect(f"/auth/callback/apple?{urlencode(fields)}", 303)


@blueprint.get("/auth/callback/<provider>")
@access.public
def callback(provider):
    """The provider's answer; a GET because the browser is redirected here, and once-only by its state and code."""
    about = identities.provider(provider)
    began, error = {}, request.args.get("error")
    try:
        client = _client(about)
        state = request.args.get("state", "")
        began = client.framework.get_state_data(session, state) or {}
        if began and began["at"] < (now() - ANSWERED_WITHIN).timestamp():
            _forget_states()
        if error:
            client.framework.clear_state_data(session, state)
            denied = error in DENIED
            return _back(began, _cancelled(about) if denied else _unchecked(about), "info" if denied else "bad")
        came = _arrival(client, about)
    except _broken() as broken:
        return _back(began, _failure(about, broken))
    except identities.NotConnected as refusal:
        return _back(began, refusal.sentence)
    finally:
        backer = carried()
        forget()  # it came over the redirect for this one arrival; a code that is mailed keeps it
    return _go_on(about, came, began, backer)


def _arrival(client, about):
    said = client.load_server_metadata()["issuer"]
    options = {
        "iss": {"essential": True, "validate": lambda claims, _: identities.issued_by(said, claims)},
        "aud": {"essential": True, "value": about.client_id},
    }
    token = client.authorize_access_token(claims_options=options)
    claims = token["userinfo"]
    if not claims.get("email") and client.server_metadata.get("userinfo_endpoint"):
        more = client.userinfo(token=token)
        if more.get("sub") == claims["sub"]:
            claims = {**more, **claims}
    return identities.read(about.name, claims, _posted_name(about))


def _posted_name(about):
    if about.name != "apple":
        return None
    try:
        name = json.loads(request.args.get("user", ""))["name"]
        return name.get("firstName"), name.get("lastName")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _go_on(about, came, began, backer):
    connects = began.get("intent") == "connect"
    user = access.me() if connects else None
    if connects and (user is None or user.id != began["user"]):
        return _back(began, "You were signed out meanwhile. Sign in, then connect it again.")
    try:
        found, token = identities.arrive(came, user, began.get("next"), backer)
        if token:
            return flow.wait(token)
        if connects:
            return pages.go("/settings/security", f"{about.label} is connected. You can sign in with it from now on.")
        return enter(found, about.name, began.get("next"))
    except backers.NotClaimed as refusal:
        return to_the_gate(refusal, next=began.get("next"))
    except Refused as refusal:
        return _back(began, refusal.sentence)


def _back(began, sentence, tone="bad"):
    """To where it was begun, with a word on it."""
    if began.get("intent") == "connect" and access.me():
        return pages.go("/settings/security", sentence, tone)
    target = f"?{urlencode({'next': began['next']})}" if began.get("next") else ""
    return pages.go(("/sign-up" if began.get("intent") == "sign-up" else "/sign-in") + target, sentence, tone)


def _failure(about, error):
    if isinstance(error, authlib.MismatchingStateError):
        return "That sign-in was begun in another browser or too long ago. Please start again."
    log.warning("an identity provider failed", extra={"provider": about.name}, exc_info=error)
    if isinstance(error, requests.RequestException):
        return f"{about.label} can't be reached just now. Try again in a minute, or use another way."
    return _unchecked(about)


def _cancelled(about):
    return f"You cancelled at {about.label}, so nothing was changed."


def _unchecked(about):
    return f"The answer of {about.label} couldn't be checked. Please try again, or use another way."


# --- the code to an address that the provider doesn't vouch for ------------------------------------------------------


def _prove(token, code):
    connects, provider = token.user_id is not None, token.payload["provider"]
    user, target = identities.confirm(token.public_id, code, access.me() if connects else None, carried())
    flow.end()
    if connects:
        return pages.go("/settings/security", f"{identities.label(provider)} is connected.")
    return enter(user, provider, target)


def _words(token):
    label, connects = identities.label(token.payload["provider"]), token.user_id is not None
    return {
        "title": "Prove your address",
        "before": f"{label} doesn't vouch for",
        "after": ", so we sent a six-digit code there. It is asked for this once.",
        "button": f"Connect {label}" if connects else "Continue",
        "back": ("Back to security", "/settings/security") if connects else ("Back to sign in", "/sign-in"),
    }


flow = CodeFlow(
    "identity",
    cookies.IDENTITY,
    "/auth/code",
    "/auth/code/resend",
    "/sign-in",
    _prove,
    _words,
    too_old="That is too old. Please start again.",
)
flow.serve(blueprint)


# --- one's own ------------------------------------------------------------------------------------------------------


@blueprint.post("/settings/security/identities/<id:id>/removal")
@access.signed_in
def disconnect(id):
    gone = identities.disconnect(access.me(), id)
    return pages.go("/settings/security", f"{identities.label(gone.provider)} is disconnected.")
