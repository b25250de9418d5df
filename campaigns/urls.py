from django.urls import include, path

app_name = "campaigns"
urlpatterns = [
    path("campaigns/", include("campaigns.campaign_urls")),
    path("blocks/", include("campaigns.block_urls")),
    path("coupons/", include("campaigns.coupon_urls")),
    path("messages/", include("campaigns.message_urls")),
    path("journeys/", include("campaigns.journeys.urls")),
    path("templates/", include("campaigns.template_urls")),
]
