from django.urls import include, path

from campaigns.approval_views import approval_list
from campaigns.experiment_views import experiment_outlook, experiment_plan, experiment_plan_keep
from campaigns.explaining_views import why_of_customer

app_name = "campaigns"
urlpatterns = [
    path("campaigns/", include("campaigns.campaign_urls")),
    path("campaigns/<slug:key>/", include("campaigns.before_launch_urls")),
    path("customers/<uuid:public_id>/campaigns/", why_of_customer, name="why_of_customer"),
    path("approvals/", approval_list, name="approvals"),
    path("experiments/<slug:key>/plan/", experiment_plan, name="experiment_plan"),
    path("experiments/<slug:key>/plan/keep/", experiment_plan_keep, name="experiment_plan_keep"),
    path("experiments/<slug:key>/plan/outlook/", experiment_outlook, name="experiment_outlook"),
    path("blocks/", include("campaigns.block_urls")),
    path("coupons/", include("campaigns.coupon_urls")),
    path("messages/", include("campaigns.message_urls")),
    path("o/", include("campaigns.open_time.urls")),
    path("journeys/", include("campaigns.journeys.urls")),
    path("templates/", include("campaigns.template_urls")),
]
