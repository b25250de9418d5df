from django.urls import path

from delivery import hit_views, opt_in_views, unknown_views, views

app_name = "delivery"
urlpatterns = [
    path("t/o/<str:token>.gif", hit_views.opened, name="opened"),
    path("t/c/<str:token>/<int:index>", hit_views.clicked, name="clicked"),
    path("u/<str:token>", views.unsubscribe, name="unsubscribe"),
    path("p/<str:token>", views.preferences, name="preferences"),
    path("sign-up/", opt_in_views.sign_up, name="sign_up"),
    path("confirm/<str:token>", opt_in_views.confirm, name="confirm"),
    path("unknown/", unknown_views.unknown, name="unknown"),
    path("unknown/<int:pk>/send-again/", unknown_views.send_again, name="send_again"),
    path("mailbox/", views.mailbox, name="mailbox"),
    path("mailbox/<int:pk>/", views.mailbox_message, name="mailbox_message"),
    path("mailbox/<int:pk>/html", views.mailbox_html, name="mailbox_html"),
]
