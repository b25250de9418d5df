from django.urls import include, path

from campaigns.approval_views import approval_list
from campaigns.explaining_views import why_of_customer

app_name = "campaigns"
urlpatterns = [
    path("campaigns/", include("campaigns.campaign_urls")),
    path("campaigns/<slug:key>/", include("campaigns.before_launch_urls")),
    path("customers/<uuid:public_id>/campaigns/", why_of_customer, name="why_of_customer"),
    path("approvals/", approval_list, name="approvals"),
    path("blocks/", include("campaigns.block_urls")),
    path("coupons/", include("campaigns.coupon_urls")),
    path("messages/", include("campaigns.message_urls")),
    path("journeys/", include("campaigns.journeys.urls")),
    path("templates/", include("campaigns.template_urls")),
]
