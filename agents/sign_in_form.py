"""The forms of signing in, to the console and to the admin: passwords cannot be tried out."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError

from agents.services import sign_ins


class SignInForm(AuthenticationForm):
    """Django's form, which checks no password after too many wrong ones."""

    def clean(self) -> dict[str, Any]:
        """Check the password, unless there were too many attempts."""
        name, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if name is None or not password:
            return super().clean()
        address = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
        attempt = sign_ins.begin(name=name, address=address)
        if attempt is None:
            minutes = sign_ins.WINDOW.seconds // 60
            raise ValidationError(
                f"Too many wrong passwords. Try again in {minutes} minutes.", code="throttled"
            )
        cleaned = super().clean()
        sign_ins.succeed(attempt=attempt)
        return cleaned


class AdminSignInForm(SignInForm, AdminAuthenticationForm):
    """The same for the Django admin, which lets in staff only."""
