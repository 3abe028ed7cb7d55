from django.contrib import admin

from django_site.models import Event, Order, Task


@admin.register(Task)
class TaskAdmin(admin.ModelAdmin):
    list_display = ("title", "status", "priority", "category", "assignee", "due_date")
    list_filter = ("status", "priority")
    search_fields = ("title", "description")
    list_per_page = 50


@admin.register(Event)
class EventAdmin(admin.ModelAdmin):
    list_display = ("summary", "actor_email", "action", "result", "at")
    list_filter = ("category", "result")
    search_fields = ("summary", "action", "actor_email", "target_id")
    list_per_page = 50


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin):
    list_display = (
        *("title", "amount", "status", "category", "due", "stars"),
        *("company", "town", "street", "number", "contact"),
    )
    list_filter = ("status", "category")
    search_fields = ("title", "notes")
    list_per_page = 50
