from django.urls import path, re_path

from campaigns.journeys import views

urlpatterns = [
    path("", views.journey_list, name="journeys"),
    path("new/", views.journey_new, name="journey_new"),
    path("<slug:key>/", views.journey_detail, name="journey"),
    path("<slug:key>/edit/", views.journey_edit, name="journey_edit"),
    path("<slug:key>/try/", views.journey_try, name="journey_try"),
    re_path(r"^(?P<key>[-\w]+)/(?P<act>open|pause|close)/$", views.journey_steer, name="journey_steer"),
]
