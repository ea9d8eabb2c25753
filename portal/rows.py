"""What every page about one row of the portal has: fields, buttons and head of one kind (templates/admin/change_form.html)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from django.contrib.admin import ModelAdmin, TabularInline
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import PermissionDenied
from django.db import connection, models
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from ui import stored_phrases as kept

Words = str | Promise


@dataclass(frozen=True)
class Deed:
    """What may be done with a row, after a page that asks. `name`: of the method that answers, and the end of the address."""

    name: str
    label: Words
    icon: str


_HISTORY = Deed("history", gettext_lazy("History"), "history")
_DELETE = Deed("delete", gettext_lazy("Delete"), "delete")


@dataclass(frozen=True)
class RowLink:
    """An action on one row, or a page of it."""

    label: str
    icon: str
    url: str


class PlainFields:
    """Fields without the links that add and change what they choose from: that has pages of its own."""

    def formfield_for_dbfield(
        self, db_field: models.Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        """Return the form's field of a column."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc]  # beside an admin class
        if field and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field


class OwnInline(PlainFields, TabularInline[Any, Any]):
    """Rows of another table within a form. A row that is stored keeps whom it is about: that one is taken out, and another added."""

    extra = 1


class OwnPages(PlainFields, ModelAdmin[Any]):
    """A ModelAdmin whose pages about one row are drawn by us."""

    save_words: ClassVar[Words] = gettext_lazy("Save")
    deeds: ClassVar[Sequence[Deed]] = ()  # the first has a button, the others are in a menu beside it

    def may_do(self, request: HttpRequest, deed: str, row: Any) -> bool:
        """Return whether the viewer may do one of the deeds with a row."""
        return False

    def page_links(self, request: HttpRequest, row: Any) -> list[RowLink]:
        """Return what the viewer may do with a row."""
        return [self._link(row, one) for one in self.deeds if self.may_do(request, one.name, row)]

    def head_facts(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Return what the page of a row shows around its form."""
        return {}

    def delete_page(self, request: HttpRequest, row: Any) -> HttpResponse:
        """Ask (GET), then delete (POST). The caller has asked who may."""
        raise NotImplementedError

    def get_urls(self) -> list[URLPattern]:
        """Add the deeds."""
        wrap, model = self.admin_site.admin_view, f"{self.opts.app_label}_{self.opts.model_name}"
        own = [
            path(
                f"<path:object_id>/{one.name.replace('_', '-')}/",
                wrap(partial(self._do, one.name)),
                name=f"{model}_{one.name}",
            )
            for one in self.deeds
        ]
        return [*own, *super().get_urls()]

    def _link(self, row: Any, deed: Deed) -> RowLink:
        address = f"admin:{self.opts.app_label}_{self.opts.model_name}_{deed.name}"
        return RowLink(str(deed.label), deed.icon, reverse(address, args=[row.pk]))

    def _do(self, deed: str, request: HttpRequest, object_id: str) -> HttpResponse:
        """Answer for a deed. Raises Http404 for a row that the viewer does not see, and PermissionDenied."""
        row = self._seen(request, object_id)
        if not (self.has_view_permission(request, row) and self.may_do(request, deed, row)):
            raise PermissionDenied
        answer: HttpResponse = getattr(self, deed)(request, row)
        return answer

    def _seen(self, request: HttpRequest, object_id: str) -> Any:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        return row

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return a row. Of a form that is sent it is locked: who saves at the same moment waits, and finds what was saved then."""
        found = super().get_object(request, object_id, from_field)
        if found is None or request.method != "POST" or not connection.in_atomic_block:
            return found
        rows = self.model._base_manager.select_for_update(no_key=True)  # noqa: SLF001  # Django documents it
        rows.filter(pk=found.pk).values_list("pk").first()
        return super().get_object(request, object_id, from_field)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Show the form with what is around it."""
        if (row := context.get("original")) is not None:
            links = self.page_links(request, row)
            rest = [_HISTORY, *([_DELETE] if self.has_delete_permission(request, row) else [])]
            context |= {"deed": links[:1], "more": [*links[1:], *(self._link(row, one) for one in rest)]}
            context |= self.head_facts(request, row)
        return super().render_change_form(request, context, *args, **kwargs)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask, then delete. Raises Http404 for a row that the viewer does not see, PermissionDenied for one that may not be deleted."""
        row = self._seen(request, object_id)
        if not self.has_delete_permission(request, row):
            raise PermissionDenied
        return self.delete_page(request, row)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show what was done to a row, said in the viewer's language."""
        response = super().history_view(request, object_id, extra_context)
        context = response.context_data if isinstance(response, TemplateResponse) else None
        for entry in (context or {}).get("action_list", ()):
            entry.change_message = kept.said(entry.change_message)
        return response
