from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import include, path

app = get_wsgi_application()
urlpatterns = [
    path("", lambda request: HttpResponse("dj-stripe")),
    path("stripe/", include("djstripe.urls", namespace="djstripe")),
]
