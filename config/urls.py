"""All addresses. Each app brings its own pages (`urls.py`) and its own API (`api_urls.py`)."""

from django.conf import settings
from django.contrib import admin
from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path, re_path
from django.views.static import serve
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from reports.views import home

urlpatterns = [
    path("", home, name="home"),
    path("", include("experiments.urls")),
    path("", include("reports.urls")),
    path("", include("campaigns.urls")),
    path("", include("rules.urls")),
    path("", include("segments.urls")),
    path("", include("delivery.urls")),
    path("", include("customers.urls")),
    path("", include("products.urls")),
    path("", include("accounts.urls")),
    path("", include("recommendations.urls")),
    path("v1/", include("customers.tracking.urls")),
    path("api/v1/", include("campaigns.api_urls")),
    path("api/v1/", include("segments.api_urls")),
    path("api/schema/", login_not_required(SpectacularAPIView.as_view()), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="api-docs"),
    path("webhooks/esp/", include("delivery.webhook_urls")),
    path("admin/", admin.site.urls),
    path("login/", auth.LoginView.as_view(), name="login"),
    path("password/", auth.PasswordChangeView.as_view(), name="password_change"),
    path("password/done/", auth.PasswordChangeDoneView.as_view(), name="password_change_done"),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
    re_path(
        r"^media/(?P<path>products/.*)$", login_not_required(serve), {"document_root": settings.MEDIA_ROOT}
    ),
]
