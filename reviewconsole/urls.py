"""The site map: the product at the root, signing in and out, and the Django admin."""

from django.conf import settings
from django.contrib import admin
from django.contrib.auth import views as auth
from django.urls import include, path

from agents.sign_in_form import SignInForm

handler500 = "agents.views.errors.server_error"
urlpatterns = [
    path("", include("agents.urls")),
    path(
        "login/",
        auth.LoginView.as_view(
            authentication_form=SignInForm,
            redirect_authenticated_user=True,
            extra_context={"demo": settings.DEMO},
        ),
        name="login",
    ),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
    path("admin/", admin.site.urls),
]
