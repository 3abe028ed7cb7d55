"""Paystack and Flutterwave as small servers on this machine: what their documentation says they answer, over HTTP.

They hold transactions and refunds, and sign their webhooks; nothing is shared with the adapters.
"""

import base64
import hashlib
import hmac
import itertools
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from requests.adapters import HTTPAdapter


class Shop:
    """What both remember: transactions by our reference, and refunds."""

    def __init__(self):
        self.sales, self.refunds, self.numbers = {}, [], itertools.count(4_099_260_516)
        self.asked, self.answers_not = [], 0
        self.settlements, self.accounts, self.chargebacks = [], [], []

    def by_id(self, id):
        return next((sale for sale in self.sales.values() if str(sale["id"]) == str(id)), None)


class Paystack(Shop):
    HOST, KEY = "https://api.paystack.co", "sk_test_paystack"

    def answer(self, method, path, query, body):
        match (method, *path.strip("/").split("/")):
            case ("POST", "transaction", "initialize"):
                if body["reference"] in self.sales:
                    return 400, {"status": False, "message": "Duplicate Transaction Reference"}
                asked = {"requested_amount": body["amount"], "amount": body["amount"], "currency": body["currency"]}
                sale = {"id": next(self.numbers), "status": "abandoned", "domain": "test", "paid_at": None, **asked}
                self.sales[body["reference"]] = sale | {"reference": body["reference"], "email": body["email"]}
                url = f"https://checkout.paystack.com/{body['reference']}"
                data = {"authorization_url": url, "access_code": "x", "reference": body["reference"]}
                return 200, {"status": True, "message": "Authorization URL created", "data": data}
            case ("GET", "transaction", "verify", reference):
                if reference not in self.sales:
                    return 404, {"status": False, "message": "Transaction reference not found."}
                return 200, {"status": True, "message": "Verification successful", "data": self.sales[reference]}
            case ("GET", "refund"):
                mine = [one for one in self.refunds if str(one["transaction"]["id"]) == query["transaction"][0]]
                return 200, {"status": True, "message": "Refunds retrieved", "data": mine}
            case ("POST", "refund"):
                return self._refund(body)
            case ("GET", "bank"):
                return 200, {"status": True, "data": [{"id": 9, "name": "First Bank", "code": "011"}]}
            case ("POST", "refund", "retry_with_customer_details", id):
                return self._retry(id, body["refund_account_details"])
            case ("GET", "settlement"):
                return 200, {"status": True, "data": self.settlements if query["page"] == ["1"] else []}
            case ("GET", "settlement", id, "transactions"):
                paid = [sale | {"fees": 100} for sale in self.sales.values() if sale["status"] == "success"]
                return 200, {"status": True, "data": paid if query["page"] == ["1"] else []}
            case ("GET", "dispute", "transaction", id):
                found = self.by_id(id).get("dispute")
                return (200, {"status": True, "data": found}) if found else (404, {"status": False, "message": "None"})
        return 404, {"status": False, "message": "Not found"}

    def _refund(self, body):
        sale = self.by_id(body["transaction"])
        gone = sum(one["amount"] for one in self.refunds if one["transaction"]["id"] == sale["id"])
        if body["amount"] + gone > sale["amount"]:
            return 400, {"status": False, "message": "Refund amount cannot be more than what is left"}
        made = {
            "id": len(self.refunds) + 1,
            "status": "pending",
            "amount": body["amount"],
            "currency": sale["currency"],
            "merchant_note": body.get("merchant_note"),
            "transaction": {"id": sale["id"], "reference": sale["reference"]},
        }
        self.refunds.append(made)
        return 200, {"status": True, "message": "Refund has been queued for processing", "data": made}

    def _retry(self, id, details):
        refund = next(one for one in self.refunds if one["id"] == int(id))
        if refund["status"] != "needs-attention" or details["account_number"] == "0000000000":
            return 400, {"status": False, "message": "Could not resolve account name"}
        self.accounts.append(details)
        refund["status"] = "processing"
        return 200, {"status": True, "message": "Refund retried and has been queued for processing", "data": refund}

    def settle(self, cents, status="success"):
        """What was paid so far goes to the bank."""
        about = {"id": 3090024, "status": status, "currency": "NGN", "effective_amount": cents}
        self.settlements = [about | {"settlement_date": "2026-06-03T00:00:00.000Z"}]

    def pay(self, reference, **changed):
        """The buyer pays; returns (body, headers) of the webhook."""
        self.sales[reference] |= {"status": "success", "paid_at": "2026-06-01T12:05:00.000Z"} | changed
        return self.told("charge.success", self.sales[reference])

    def processed(self, refund):
        """A refund arrives; its event says its amount as a text, as their samples do."""
        refund["status"] = "processed"
        data = {"status": "processed", "transaction_reference": refund["transaction"]["reference"]}
        data |= {"refund_reference": "TRF_1", "amount": str(refund["amount"]), "currency": refund["currency"]}
        return self.told("refund.processed", data)

    def told(self, event, data):
        body = json.dumps({"event": event, "data": data}).encode()
        return body, {"x-paystack-signature": hmac.new(self.KEY.encode(), body, hashlib.sha512).hexdigest()}


class Flutterwave(Shop):
    HOST, KEY, HASH = "https://api.flutterwave.com", "FLWSECK_TEST-x", "our-secret-hash"
    lists_no_chargebacks = 0  # with which status it refuses to

    def answer(self, method, path, query, body):
        match (method, *path.strip("/").split("/")):
            case ("POST", "v3", "payments"):
                sale = {"id": next(self.numbers), "tx_ref": body["tx_ref"], "amount": float(body["amount"])}
                sale |= {"currency": body["currency"], "status": "pending", "session": body["session_duration"]}
                sale |= {"flw_ref": f"FLW-MOCK-{sale['id']}"}
                self.sales[body["tx_ref"]] = sale | {"created_at": "2026-06-01T12:05:00.000Z"}
                link = f"https://checkout.flutterwave.com/v3/hosted/pay/{body['tx_ref']}"
                return 200, {"status": "success", "message": "Hosted Link", "data": {"link": link}}
            case ("GET", "v3", "transactions", "verify_by_reference"):
                sale = self.sales.get(query["tx_ref"][0])
                if sale is None:
                    return 400, {"status": "error", "message": "No transaction was found for this id"}
                return 200, {"status": "success", "data": sale}
            case ("POST", "v3", "transactions", id, "refund"):
                made = {"id": len(self.refunds) + 75923, "tx_id": int(id), "amount_refunded": float(body["amount"])}
                self.refunds.append(made | {"status": "completed", "comments": body["comments"]})
                return 200, {"status": "success", "message": "Transaction refund initiated", "data": self.refunds[-1]}
            case ("GET", "v3", "chargebacks") if self.lists_no_chargebacks:
                return self.lists_no_chargebacks, {"status": "error", "message": "Not for this account"}
            case ("GET", "v3", "chargebacks"):
                about = {"page_info": {"total": 1, "current_page": 1, "total_pages": 1, "page_size": 20}}
                its = [one for one in self.chargebacks if one["flw_ref"] == query["flw_ref"][0]]
                return 200, {"status": "success", "message": "Chargebacks fetched", "meta": about, "data": its}
            case ("GET", "v3", "settlements"):
                about = {"total": 1, "current_page": 1, "total_pages": 1, "page_size": 20}
                return 200, {"status": "success", "meta": {"page_info": about}, "data": self.settlements}
            case ("GET", "v3", "settlements", id):
                paid = [sale for sale in self.sales.values() if sale["status"] == "successful"]
                done = [
                    {"id": sale["id"], "charged_amount": sale["amount"], "settlement_amount": sale["amount"] - 50}
                    for sale in paid
                ]
                return 200, {"status": "success", "data": self.settlements[0] | {"transactions": done}}
            case ("GET", "v3", "refunds", id):
                return 200, {"status": "success", "data": next(one for one in self.refunds if one["id"] == int(id))}
        return 404, {"status": "error", "message": "Not found"}

    def pay(self, reference, **changed):
        """The buyer pays; returns (body, headers) of the webhook of v3."""
        self.sales[reference] |= {"status": "successful"} | changed
        body = {"event": "charge.completed", "data": self.sales[reference], "event.type": "CARD_TRANSACTION"}
        return json.dumps(body).encode(), {"verif-hash": self.HASH}

    def charge_back(self, reference, status, amount=None):
        """The buyer's bank takes it back, or decides; returns (body, headers) of a webhook."""
        sale = self.sales[reference]
        made = {"id": 2209 + len(self.chargebacks), "amount": amount or sale["amount"], "flw_ref": sale["flw_ref"]}
        made |= {"status": status, "stage": "new", "comment": "Cancelled merchandise/Service", "settlement_id": "N/A"}
        made |= {"due_date": "2026-06-03T15:59:59.000Z", "created_at": "2026-06-02T16:58:20.000Z"}
        self.chargebacks.append(made | {"transaction_id": sale["id"], "tx_ref": reference})
        body = {"event": f"chargeback.{status}", "data": self.chargebacks[-1]}
        return json.dumps(body).encode(), {"verif-hash": self.HASH}

    def settle(self, amount):
        """What was paid so far goes to the bank."""
        about = {"id": 41748, "status": "completed", "currency": "UGX", "net_amount": amount}
        self.settlements = [about | {"processed_date": None, "due_date": "2026-06-03T04:00:00.000Z"}]

    def told_by_v4(self, reference):
        """(body, headers) of the same as v4 tells it."""
        data = {"id": "chg_1", "reference": reference, "status": "succeeded", "amount": 1, "currency": "NGN"}
        body = json.dumps({"id": "wbk_1", "timestamp": 1, "type": "charge.completed", "data": data}).encode()
        signed = hmac.new(self.HASH.encode(), body, hashlib.sha256).digest()
        return body, {"flutterwave-signature": base64.b64encode(signed).decode()}


class There(HTTPAdapter):
    """A requests adapter that goes to the little server, whatever host of the provider is asked."""

    def __init__(self, host, port):
        super().__init__()
        self.host, self.port = host, port

    def send(self, request, **more):
        assert request.url.startswith(self.host), request.url
        request.url = f"http://127.0.0.1:{self.port}{request.url.removeprefix(self.host)}"
        return super().send(request, **more)


@contextmanager
def opened(shop):
    """The shop behind a port of this machine; gives the adapter that leads there."""

    class Handler(BaseHTTPRequestHandler):
        def _any(self):
            asked = urlsplit(self.path)
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            shop.asked.append((self.command, asked.path))
            if self.headers.get("Authorization") != f"Bearer {shop.KEY}":
                status, said = 401, {"status": False, "message": "Invalid key"}
            else:
                status, said = shop.answer(self.command, asked.path, parse_qs(asked.query), json.loads(raw or b"{}"))
            if shop.answers_not:  # it did what was asked, and its answer is lost
                shop.answers_not -= 1
                self.close_connection = True
                return
            text = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = _any

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield There(shop.HOST, server.server_port)
    finally:
        server.shutdown()
        thread.join(30)
        server.server_close()
