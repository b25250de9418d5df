from django.urls import path

from customers import importing_views, views

app_name = "customers"
urlpatterns = [
    path("customers/", views.customer_list, name="list"),
    path("customers/import/", importing_views.list_imports, name="imports"),
    path("customers/import/<int:pk>/", importing_views.show_import, name="import"),
    path("customers/import/<int:pk>/start", importing_views.start_import, name="import_start"),
    path("customers/import/<int:pk>/discard", importing_views.discard_import, name="import_discard"),
    path("customers/import/<int:pk>/progress", importing_views.import_progress, name="import_progress"),
    path("customers/import/<int:pk>/errors", importing_views.import_errors, name="import_errors"),
    path("data/", views.data, name="data"),
    path("data/<int:pk>/rejects", views.rejects, name="rejects"),
]
