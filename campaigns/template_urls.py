from django.urls import path

from campaigns import template_views

urlpatterns = [
    path("", template_views.template_list, name="templates"),
    path("new/", template_views.template_new, name="template_new"),
    path("<slug:key>/", template_views.template_detail, name="template"),
    path("<slug:key>/edit/", template_views.template_edit, name="template_edit"),
    path("preview/<int:pk>/", template_views.template_preview, name="template_preview"),
]
