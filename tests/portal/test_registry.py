"""Each model has one ModelAdmin, and each of our own is whole in the module of its subject."""

from django.contrib import admin

OURS = ("accounts", "macros", "notifications", "tokens", "users")


def test_each_model_of_ours_has_one_page_class_in_the_package_of_its_subject() -> None:
    found = {
        model._meta.label: type(page)
        for model, page in admin.site._registry.items()
        if model.__module__.startswith(OURS)
    }

    assert len(found) >= 13
    assert {page.__module__.rpartition(".")[2] for page in found.values()} == {"admin"}
    assert [
        label for label, page in found.items() if page.__module__.partition(".")[0] != label.partition(".")[0]
    ] == []
