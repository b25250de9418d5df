from django.urls import path, re_path

from campaigns.journeys import step_views, views

urlpatterns = [
    path("", views.journey_list, name="journeys"),
    path("new/", views.journey_new, name="journey_new"),
    path("<slug:key>/", views.journey_detail, name="journey"),
    path("<slug:key>/edit/", views.journey_edit, name="journey_edit"),
    path("<slug:key>/steps/", step_views.journey_steps, name="journey_steps"),
    path("<slug:key>/steps/new/<slug:kind>/", step_views.journey_step_new, name="journey_step_new"),
    path("<slug:key>/steps/change/<slug:name>/", step_views.journey_step, name="journey_step"),
    re_path(
        r"^(?P<key>[-\w]+)/steps/change/(?P<name>[-\w]+)/(?P<act>up|down|remove)/$",
        step_views.journey_step_act,
        name="journey_step_act",
    ),
    path("<slug:key>/try/", views.journey_try, name="journey_try"),
    re_path(r"^(?P<key>[-\w]+)/(?P<act>open|pause|close)/$", views.journey_steer, name="journey_steer"),
]
