"""A voucher may have a budget: all that it takes off together, counted as a stock in minor units."""

from database.migrations import run, set_words

KINDS = ("event", "tier", "session", "voucher")
MADE = """INSERT INTO "stock" ("created_at", "updated_at", "organization_id", "event_id", "kind", "thing", "over", "held",
    "sold")
  SELECT v."created_at", v."created_at", v."organization_id", v."event_id", 'budget', v."id", 0,
    COALESCE(SUM(CASE WHEN o."state" IN ('held', 'paying') THEN i."discount_cents" / i."quantity" * i."standing" END), 0),
    COALESCE(SUM(CASE WHEN o."state" = 'paid' THEN i."discount_cents" / i."quantity" * i."standing" END), 0)
  FROM "voucher" v LEFT JOIN "ticket_order" o ON o."voucher_id" = v."id"
    LEFT JOIN "order_item" i ON i."order_id" = o."id" AND i."is_vouched"
  GROUP BY v."id", v."created_at", v."organization_id", v."event_id"
"""
NOTED = """INSERT INTO "stock_move" ("created_at", "updated_at", "organization_id", "event_id", "stock_id", "kind", "d_held",
    "d_sold", "d_size", "d_over")
  SELECT "created_at", "created_at", "organization_id", "event_id", "id", 'resize', "held", "sold", 0, 0
  FROM "stock" WHERE "kind" = 'budget'"""


def up(migrator, db):
    run(db, 'ALTER TABLE "voucher" ADD COLUMN "budget_cents" INTEGER')
    set_words(db, "stock", "kind", KINDS, (*KINDS, "budget"))
    run(db, MADE)
    run(db, NOTED)


def down(migrator, db):
    run(db, """DELETE FROM "stock" WHERE "kind" = 'budget'""")
    set_words(db, "stock", "kind", (*KINDS, "budget"), KINDS)
    run(db, 'ALTER TABLE "voucher" DROP COLUMN "budget_cents"')
