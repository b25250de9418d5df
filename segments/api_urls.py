from django.urls import path

from segments import api

urlpatterns = [path("conditions/schema.json", api.condition_schema, name="condition-schema")]
