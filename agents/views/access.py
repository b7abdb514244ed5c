"""Who may see pages, and how a page is made of its live topics."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import urlencode

from django.contrib.auth.models import AnonymousUser, Permission, User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from agents import live, precedence, push, roles
from agents.exceptions import NotAllowed, NotFound
from agents.prepared import Given, Prepared

if TYPE_CHECKING:
    from django.db.models import QuerySet

P = ParamSpec("P")
R = TypeVar("R", bound=HttpResponseBase)


class ConsoleRequest(HttpRequest):
    """A request by somebody who holds a role."""

    user: User


def console_page(
    view: Callable[Concatenate[ConsoleRequest, P], R],
) -> Callable[Concatenate[HttpRequest, P], R]:
    """Make a view a page of the console: for people with a role, and refusals become error pages.

    Who has not signed in is sent to do so (by the middleware); who holds no role gets a 403,
    as does `NotAllowed`; `NotFound` becomes a 404, as does an address with a NUL, which no
    text in the database has.
    """

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> R:
        _recall(request.user)
        if not request.user.has_perm(roles.LOOK):
            raise PermissionDenied("Your account holds no role yet. Ask an admin for one.")
        if "%00" in request.get_full_path():
            raise Http404("There is no page with a NUL in its address.")
        try:
            with push.together():
                return view(request, *args, **kwargs)  # type: ignore[arg-type]  # has_perm: signed in
        except NotAllowed as error:
            raise PermissionDenied(str(error)) from error
        except NotFound as error:
            raise Http404(str(error)) from error

    return guarded


def behind_runners(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """A middleware that lets what runners ask for go first, before anything is read for a page.

    The page that follows a decision is asked for while a runner takes the decision up.
    """

    def answer(request: HttpRequest) -> HttpResponseBase:
        if request.method in ("GET", "HEAD"):
            precedence.runners.give_way()
        return get_response(request)

    return answer


def _recall(user: User | AnonymousUser) -> None:
    """Read what a person may do, in one query that is written once.

    Django takes two, and writes them each time; what it has read it keeps here, and looks here
    first.
    """
    if user.is_active and not user.is_superuser:
        held = {f"{app}.{codename}" for app, codename in _HELD(user=user.pk)}
        user._perm_cache = held  # type: ignore[attr-defined]  # Django's own


def _held() -> QuerySet[Permission, tuple[str, str]]:
    by_role = Permission.objects.filter(group__user=Given("user", int))
    by_name = Permission.objects.filter(user=Given("user", int))
    named = ("content_type__app_label", "codename")
    return by_role.order_by().values_list(*named).union(by_name.order_by().values_list(*named))


_HELD = Prepared(_held)


def page(
    request: ConsoleRequest,
    template: str,
    *topics: live.Topic,
    status: int = 200,
    **shown: Any,
) -> HttpResponse:
    """Draw a page: the live topics it includes, and whatever else it shows.

    `socket` is the URL at which the page hears of changes; `waiting` feeds the count in the rail.
    """
    viewer = viewer_of(request)
    topics = (*topics, live.Topic("waiting"))  # what stands first is drawn first
    context: dict[str, Any] = {"socket": socket_url(topics)}
    for topic in topics:
        context |= live.context(topic, viewer)
    return render(request, template, context | shown, status=status)


def viewer_of(request: ConsoleRequest) -> live.Viewer:
    """Who looks, and the address under which they reach the console."""
    scheme = "wss" if request.is_secure() else "ws"
    return live.Viewer.of(request.user, f"{scheme}://{request.get_host()}")


def socket_url(topics: tuple[live.Topic, ...]) -> str:
    """The socket that tells of changes to these topics."""
    return "/ws/console/?" + urlencode([("topic", str(topic)) for topic in topics])
