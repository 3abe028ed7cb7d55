from django.contrib.auth import get_user_model
from django.db import models


class Task(models.Model):
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    status = models.CharField(max_length=20, db_index=True)
    priority = models.CharField(max_length=20, db_index=True)
    category = models.CharField(max_length=50)
    assignee = models.ForeignKey(get_user_model(), on_delete=models.PROTECT)
    due_date = models.DateField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self):
        return self.title
