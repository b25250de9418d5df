from django.urls import path

from delivery import health_views, hit_views, opt_in_views, sender_views, unknown_views, views, warm_up_views

app_name = "delivery"
urlpatterns = [
    path("t/o/<str:token>.gif", hit_views.opened, name="opened"),
    path("t/c/<str:token>/<int:index>", hit_views.clicked, name="clicked"),
    path("u/<str:token>", views.unsubscribe, name="unsubscribe"),
    path("p/<str:token>", views.preferences, name="preferences"),
    path("sign-up/", opt_in_views.sign_up, name="sign_up"),
    path("confirm/<str:token>", opt_in_views.confirm, name="confirm"),
    path("senders/", sender_views.senders, name="senders"),
    path("senders/new/", sender_views.new_sender, name="new_sender"),
    path("senders/new/<str:way>/", sender_views.new_sender_by, name="new_sender_by"),
    path("senders/<int:pk>/", sender_views.sender, name="sender"),
    path("senders/<int:pk>/edit/", sender_views.edit_sender, name="edit_sender"),
    path("senders/<int:pk>/test/", sender_views.test_sender, name="test_sender"),
    path("senders/<int:pk>/check/", sender_views.check_sender, name="check_sender"),
    path("senders/<int:pk>/warm-up/", warm_up_views.warm_up, name="warm_up"),
    path("senders/<int:pk>/warm-up/end/", warm_up_views.end_warm_up, name="end_warm_up"),
    path("delivery/", health_views.health, name="health"),
    path("delivery/stop/", health_views.stop, name="stop"),
    path("delivery/allow/", health_views.allow, name="allow"),
    path("delivery/domains/", health_views.set_pace, name="set_pace"),
    path("delivery/domains/<str:domain>/wake/", health_views.wake, name="wake"),
    path("delivery/senders/<int:pk>/try/", health_views.try_now, name="try_now"),
    path("delivery/dispatches/<int:pk>/rate/", warm_up_views.set_rate, name="set_rate"),
    path("unknown/", unknown_views.unknown, name="unknown"),
    path("unknown/reports/", unknown_views.reports, name="unknown_reports"),
    path("unknown/<int:pk>/send-again/", unknown_views.send_again, name="send_again"),
    path("mailbox/", views.mailbox, name="mailbox"),
    path("mailbox/<int:pk>/", views.mailbox_message, name="mailbox_message"),
    path("mailbox/<int:pk>/html", views.mailbox_html, name="mailbox_html"),
]
