from django.urls import path

from campaigns.open_time import views

urlpatterns = [
    path("shown/<str:token>.png", views.preview, name="open_time_preview"),
    path("<str:token>/<int:slot>/<int:place>.png", views.picture, name="open_time_picture"),
    path("<str:token>/<int:slot>/<int:place>", views.link, name="open_time_link"),
]
