from django.urls import path, re_path

from campaigns import template_views, views

app_name = "campaigns"
urlpatterns = [
    path("campaigns/", views.campaign_list, name="list"),
    path("campaigns/new/", views.campaign_new, name="new"),
    path("campaigns/<slug:key>/", views.campaign_detail, name="detail"),
    path("campaigns/<slug:key>/launch/", views.campaign_launch, name="launch"),
    re_path(r"^campaigns/(?P<key>[-\w]+)/(?P<act>pause|resume|cancel)/$", views.campaign_steer, name="steer"),
    path("templates/", template_views.template_list, name="templates"),
    path("templates/new/", template_views.template_new, name="template_new"),
    path("templates/<slug:key>/", template_views.template_detail, name="template"),
    path("templates/<slug:key>/edit/", template_views.template_edit, name="template_edit"),
    path("templates/preview/<int:pk>/", template_views.template_preview, name="template_preview"),
]
