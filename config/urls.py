"""All addresses. Each app brings its own pages (`urls.py`) and its own API (`api_urls.py`)."""

from django.conf import settings
from django.contrib import admin
from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_not_required
from django.urls import path, re_path
from django.views.static import serve

from common.health import healthz, readyz

urlpatterns = [
    path("healthz", healthz),
    path("readyz", readyz),
    path("admin/", admin.site.urls),
    path("login/", auth.LoginView.as_view(), name="login"),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
    re_path(
        r"^media/(?P<path>products/.*)$", login_not_required(serve), {"document_root": settings.MEDIA_ROOT}
    ),
]
