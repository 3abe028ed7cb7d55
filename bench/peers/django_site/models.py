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


class Event(models.Model):
    at = models.DateTimeField(db_index=True)
    category = models.CharField(max_length=30, db_index=True)
    action = models.CharField(max_length=80, db_index=True)
    result = models.CharField(max_length=30, db_index=True)
    actor_email = models.CharField(max_length=320, db_index=True)
    target_type = models.CharField(max_length=40)
    target_id = models.CharField(max_length=80)
    summary = models.TextField()

    def __str__(self):
        return self.summary


class Order(models.Model):
    title = models.CharField(max_length=200, db_index=True)
    amount = models.DecimalField(max_digits=12, decimal_places=2, db_index=True)
    status = models.CharField(max_length=20, db_index=True)
    category = models.CharField(max_length=50, db_index=True)
    due = models.DateField(db_index=True)
    stars = models.IntegerField(db_index=True)
    company = models.CharField(max_length=200)
    town = models.CharField(max_length=200)
    street = models.CharField(max_length=200)
    number = models.CharField(max_length=200)
    contact = models.CharField(max_length=200)
    notes = models.TextField()

    def __str__(self):
        return self.title
