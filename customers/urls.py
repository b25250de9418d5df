from django.urls import include, path

from customers import duplicate_views, views

app_name = "customers"
urlpatterns = [
    path("customers/", views.customer_list, name="list"),
    path("customers/duplicates/", duplicate_views.duplicate_list, name="duplicates"),
    path("customers/duplicates/<int:pk>/", duplicate_views.duplicate, name="duplicate"),
    path("customers/duplicates/<int:pk>/decide", duplicate_views.decide, name="decide_duplicate"),
    path("customers/merges/<int:pk>/undo", duplicate_views.undo_merge, name="undo_merge"),
    path("customers/identities/<int:pk>/detach", duplicate_views.detach_identity, name="detach"),
    path("", include("customers.quality.urls")),
]
