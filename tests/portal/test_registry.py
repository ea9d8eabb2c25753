"""Each model has one ModelAdmin, and each of our own is whole in the module of its subject."""

from django.contrib import admin

import portal.admin

OURS = ("accounts", "macros", "notifications", "tokens", "users")


def test_each_model_of_ours_has_one_page_class_in_portal_and_it_is_built_from_no_other() -> None:
    found = {
        model._meta.label: type(page)
        for model, page in admin.site._registry.items()
        if model.__module__.startswith(OURS)
    }

    mixed = {
        label: [base.__name__ for base in page.__bases__ if base.__module__.startswith("portal.")]
        for label, page in found.items()
    }
    assert len(found) >= 13
    assert {page.__module__.split(".")[0] for page in found.values()} == {"portal"}
    assert not [page for page in found.values() if page.__module__ == portal.admin.__name__]
    assert {label: bases for label, bases in mixed.items() if len(bases) > 1} == {}
