from django.urls import path

from delivery import views

app_name = "delivery"
urlpatterns = [
    path("t/o/<str:token>.gif", views.opened, name="opened"),
    path("t/c/<str:token>/<int:index>", views.clicked, name="clicked"),
    path("u/<str:token>", views.unsubscribe, name="unsubscribe"),
    path("p/<str:token>", views.preferences, name="preferences"),
    path("mailbox/", views.mailbox, name="mailbox"),
    path("mailbox/<int:pk>/", views.mailbox_message, name="mailbox_message"),
    path("mailbox/<int:pk>/html", views.mailbox_html, name="mailbox_html"),
]
