from django.urls import path

from campaigns import coupon_views

urlpatterns = [
    path("", coupon_views.pool_list, name="coupons"),
    path("new/", coupon_views.pool_new, name="coupon_new"),
    path("<slug:key>/", coupon_views.pool_detail, name="coupon"),
]
