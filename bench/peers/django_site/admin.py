from django.contrib import admin

from django_site.models import Task


@admin.register(Task)
class TaskAdmin(admin.ModelAdmin):
    list_display = ("title", "status", "priority", "category", "assignee", "due_date")
    list_filter = ("status", "priority")
    search_fields = ("title", "description")
    list_per_page = 50
