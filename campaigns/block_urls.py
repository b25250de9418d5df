from django.urls import path

from campaigns import block_views

urlpatterns = [
    path("", block_views.block_list, name="blocks"),
    path("new/", block_views.block_new, name="block_new"),
    path("<slug:key>/", block_views.block_detail, name="block"),
    path("<slug:key>/edit/", block_views.block_edit, name="block_edit"),
    path("preview/<int:pk>/", block_views.block_preview, name="block_preview"),
]
