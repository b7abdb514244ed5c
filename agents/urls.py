"""The site map of the product."""

from django.urls import URLPattern

app_name = "agents"
urlpatterns: list[URLPattern] = []
