from django.urls import path

from customers import duplicate_views, importing_views, rights_views, views

app_name = "customers"
urlpatterns = [
    path("customers/", views.customer_list, name="list"),
    path("customers/duplicates/", duplicate_views.duplicate_list, name="duplicates"),
    path("customers/duplicates/<int:pk>/", duplicate_views.duplicate, name="duplicate"),
    path("customers/duplicates/<int:pk>/decide", duplicate_views.decide, name="decide_duplicate"),
    path("customers/merges/<int:pk>/undo", duplicate_views.undo_merge, name="undo_merge"),
    path("customers/identities/<int:pk>/detach", duplicate_views.detach_identity, name="detach"),
    path("customers/import/", importing_views.list_imports, name="imports"),
    path("customers/import/<int:pk>/", importing_views.show_import, name="import"),
    path("customers/import/<int:pk>/start", importing_views.start_import, name="import_start"),
    path("customers/import/<int:pk>/discard", importing_views.discard_import, name="import_discard"),
    path("customers/import/<int:pk>/progress", importing_views.import_progress, name="import_progress"),
    path("customers/import/<int:pk>/errors", importing_views.import_errors, name="import_errors"),
    path("data/", views.data, name="data"),
    path("data/<int:pk>/rejects", views.rejects, name="rejects"),
    path("privacy/", rights_views.privacy, name="privacy"),
    *(
        path(
            f"privacy/<int:pk>/{state}/",
            rights_views.privacy_request_close,
            {"state": state},
            name=f"privacy_{state}",
        )
        for state in ("done", "refused")
    ),
    path("customers/<uuid:public_id>/rights/", rights_views.person, name="rights"),
    path("customers/<uuid:public_id>/rights/erase/", rights_views.person_erase, name="erase"),
    path(
        "customers/<uuid:public_id>/rights/export.json",
        rights_views.person_export,
        {"form": "json"},
        name="export_json",
    ),
    path(
        "customers/<uuid:public_id>/rights/export.zip",
        rights_views.person_export,
        {"form": "zip"},
        name="export_zip",
    ),
    *(
        path(f"customers/<uuid:public_id>/rights/{act}/", rights_views.person_choice, {"act": act}, name=act)
        for act in ("do-not-sell", "allow-sale", "no-profiling", "no-mail")
    ),
]
