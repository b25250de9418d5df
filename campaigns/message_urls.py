from django.urls import path

from campaigns import message_views
from campaigns.open_time.views import as_shown

urlpatterns = [
    path("<int:pk>/", message_views.message_detail, name="message"),
    path("<int:pk>/html", message_views.message_html, name="message_html"),
    path("<int:pk>/shown/<int:slot>/<int:place>.png", as_shown, name="message_shown"),
]
