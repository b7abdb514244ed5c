"""The Django admin: people and runner tokens are managed here; history can be looked at only."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html

from agents.models import Agent, Decision, Effect, Interrupt, Run, Runner, RunnerToken, Thread
from agents.reviews.show import escape_hidden
from agents.services import tokens
from agents.sign_in_form import AdminSignInForm

admin.site.site_header = admin.site.site_title = "Review Console"
admin.site.index_title = "People, tokens and history"
admin.site.login_form = AdminSignInForm
admin.site.unregister(User)


@admin.register(User)
class PersonAdmin(UserAdmin):  # type: ignore[type-arg]  # generic only in the stubs
    """People and their roles. Only a superuser makes superusers, or touches one."""

    list_display = ("username", "first_name", "last_name", "roles", "is_active", "last_login")
    list_filter = ("is_active", "groups")
    filter_horizontal = ("groups",)
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("Roles", {"fields": ("is_active", "is_staff", "groups")}),
    )
    superuser_fields = ("is_superuser", "user_permissions")

    @admin.display(description="Roles")
    def roles(self, user: User) -> str:
        """The groups of a person."""
        return ", ".join(group.name for group in user.groups.all())

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """All people with their roles."""
        return super().get_queryset(request).prefetch_related("groups")

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Offer what makes a superuser to superusers alone."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or not request.user.is_superuser:
            return fieldsets
        return (*fieldsets, ("Superuser", {"fields": self.superuser_fields}))

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Keep the accounts of superusers, and their passwords, out of reach of others."""
        if obj is not None and obj.is_superuser and not request.user.is_superuser:
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Nobody is deleted: their decisions are history. Take `active` away instead."""
        return False


class TokenForm(forms.ModelForm):  # type: ignore[type-arg]
    """A token to be made: its name, and the agents it serves."""

    agents = forms.CharField(
        help_text="Names of the agents this token serves, separated by commas.",
        widget=forms.TextInput(attrs={"size": 60}),
    )

    class Meta:
        model = RunnerToken
        fields = ("name", "agents")

    def clean_agents(self) -> list[str]:
        """Read the names.

        Raises:
            ValidationError: there is none.
        """
        named = [name.strip() for name in self.cleaned_data["agents"].split(",") if name.strip()]
        if not named:
            raise forms.ValidationError("A token serves at least one agent.")
        return named


@admin.register(RunnerToken)
class TokenAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Runner tokens: made here, their secret shown once; revoked, never changed or deleted."""

    list_display = ("name", "serves", "created_by", "created_at", "last_used_at", "revoked_at")
    actions = ("revoke",)
    fields = ("name", "agents")

    @admin.display(description="Agents")
    def serves(self, token: RunnerToken) -> str:
        """The agents of a token."""
        return ", ".join(token.agents)

    def get_form(
        self,
        request: HttpRequest,
        obj: RunnerToken | None = None,
        change: bool = False,
        **kwargs: Any,
    ) -> Any:
        """A form to make a token; nothing of one that exists can be changed."""
        if obj is None:
            kwargs["form"] = TokenForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: RunnerToken | None = None) -> Any:
        """Show what happened to a token that exists."""
        more = ("created_by", "created_at", "last_used_at", "revoked_at") if obj else ()
        return (*self.fields, *more)

    def get_readonly_fields(self, request: HttpRequest, obj: RunnerToken | None = None) -> Any:
        """Nothing of a token that exists can be changed."""
        return self.get_fields(request, obj) if obj else ()

    def save_model(self, request: HttpRequest, obj: RunnerToken, form: Any, change: bool) -> None:
        """Make the token, and show its secret: now, and never again."""
        if change:
            return
        made, secret = tokens.create(name=obj.name, agents=obj.agents, user=request.user)  # type: ignore[arg-type]  # staff have signed in
        obj.pk, obj.created_by = made.pk, made.created_by
        obj._state.adding = False
        self.message_user(
            request,
            format_html("The token, shown this once: <code>{}</code>", secret),
            messages.WARNING,
        )

    @admin.action(description="Revoke", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[RunnerToken]) -> None:
        """End tokens; their runners are refused from now on."""
        for token in queryset:
            tokens.revoke(token=token)
            self.log_change(request, token, "Revoked.")
        self.message_user(request, "Revoked. Their runners are refused from now on.")

    def has_delete_permission(self, request: HttpRequest, obj: RunnerToken | None = None) -> bool:
        """A token that served is history."""
        return False


class HistoryAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """What happened: to be looked at, and none of it hidden, whatever agents wrote."""

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The rows."""
        return _made_visible(super().changelist_view(request, extra_context))

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """One row."""
        return _made_visible(super().changeform_view(request, *args, **kwargs))

    def history_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Who changed it, under its name."""
        return _made_visible(super().history_view(request, *args, **kwargs))

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nothing is added by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nothing is changed by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nothing is deleted by hand."""
        return False


def _made_visible(page: HttpResponse) -> HttpResponse:
    """Write what has no ink as escapes, wherever on the page of the admin it stands."""
    if isinstance(page, TemplateResponse):
        page.add_post_render_callback(_escape)
    return page


def _escape(page: TemplateResponse) -> None:
    page.content = escape_hidden(page.content.decode()).encode()


@admin.register(Agent)
class AgentAdmin(HistoryAdmin):
    """Agents that runners announced."""

    list_display = ("name", "description", "updated_at")
    exclude = ("spec",)


@admin.register(Thread)
class ThreadAdmin(HistoryAdmin):
    """Threads; their pages in the console tell more."""

    list_display = ("__str__", "agent", "status", "updated_at")
    list_filter = ("status", "agent")
    list_select_related = ("agent",)
    search_fields = ("title", "thread_id")
    exclude = ("snapshot", "part_next", "part_epoch")


@admin.register(Run)
class RunAdmin(HistoryAdmin):
    """Runs and how they ended."""

    list_display = ("__str__", "thread", "trigger", "status", "created_by", "created_at")
    list_filter = ("status", "trigger")
    list_select_related = ("thread", "created_by")


@admin.register(Interrupt)
class InterruptAdmin(HistoryAdmin):
    """Interrupts and what became of them."""

    list_display = ("headline", "thread", "kind", "status", "created_at")
    list_filter = ("status", "kind")
    list_select_related = ("thread",)


@admin.register(Decision)
class DecisionAdmin(HistoryAdmin):
    """Decisions: who decided what, and how far it came."""

    list_display = ("summary", "decided_by", "decided_at", "status")
    list_filter = ("status", "decided_by")
    list_select_related = ("decided_by",)


@admin.register(Effect)
class EffectAdmin(HistoryAdmin):
    """The tool calls that ran, each execution one; the page of the thread tells more."""

    list_display = ("__str__", "thread", "status", "started_at", "ended_at")
    list_filter = ("status",)
    list_select_related = ("thread",)
    search_fields = ("tool", "call_id")


@admin.register(Runner)
class RunnerAdmin(HistoryAdmin):
    """Runners that connected."""

    list_display = ("name", "token", "connected_at", "last_seen_at", "disconnected_at")
    list_select_related = ("token",)
