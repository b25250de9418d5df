from django.urls import path, re_path

from campaigns import views

urlpatterns = [
    path("", views.campaign_list, name="list"),
    path("new/", views.campaign_new, name="new"),
    path("<slug:key>/", views.campaign_detail, name="detail"),
    path("<slug:key>/launch/", views.campaign_launch, name="launch"),
    re_path(r"^(?P<key>[-\w]+)/(?P<act>pause|resume|cancel)/$", views.campaign_steer, name="steer"),
]
