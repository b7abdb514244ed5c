"""The websocket URLs: those of browsers, and the runners'."""

from django.urls import URLPattern

websocket_urlpatterns: list[URLPattern] = []
runner_urlpatterns: list[URLPattern] = []
