"""How what one person holds is answered: kept by nobody on the way, and its address told to no other site."""

from flask import Response


def for_its_holder(response):
    """The response, for nobody else."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def pdf(data, event):
    """Printed tickets, shown in the browser."""
    headers = {"Content-Disposition": f'inline; filename="{event.slug}.pdf"'}
    return for_its_holder(Response(data, headers=headers, content_type="application/pdf"))
