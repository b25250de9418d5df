from django.urls import include, path

app_name = "campaigns"
urlpatterns = [
    path("campaigns/", include("campaigns.campaign_urls")),
    path("templates/", include("campaigns.template_urls")),
]
