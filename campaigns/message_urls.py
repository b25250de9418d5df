from django.urls import path

from campaigns import message_views

urlpatterns = [
    path("<int:pk>/", message_views.message_detail, name="message"),
    path("<int:pk>/html", message_views.message_html, name="message_html"),
]
