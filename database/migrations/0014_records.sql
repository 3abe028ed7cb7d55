-- Tables that people make: what they look like (collection, field, slot, option), and their rows.
CREATE TABLE "collection" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "name" VARCHAR(80) NOT NULL, "slug" VARCHAR(60) NOT NULL, "about" TEXT, "icon" VARCHAR(40) NOT NULL,
    "shape" INTEGER NOT NULL, "settings" JSON NOT NULL,
    "made_by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL, "archived_at" MOMENT
);
CREATE UNIQUE INDEX "collection_organization_id_slug" ON "collection" ("organization_id", "slug");
CREATE INDEX "collection_made_by_id" ON "collection" ("made_by_id");

CREATE TABLE "record_field" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "collection_id" INTEGER NOT NULL REFERENCES "collection" ("id") ON DELETE CASCADE,
    "label" VARCHAR(80) NOT NULL, "api_name" VARCHAR(60) NOT NULL, "aliases" JSON NOT NULL,
    "place" INTEGER NOT NULL, "kind" VARCHAR(30) NOT NULL, "options" JSON NOT NULL,
    "is_required" BOOLEAN NOT NULL, "is_unique" BOOLEAN NOT NULL, "is_keyed" BOOLEAN NOT NULL,
    "slot_id" INTEGER, "help" TEXT, "archived_at" MOMENT
);
CREATE INDEX "record_field_collection_id_place" ON "record_field" ("collection_id", "place");
CREATE INDEX "record_field_organization_id" ON "record_field" ("organization_id");

CREATE TABLE "record_slot" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "field_id" INTEGER NOT NULL REFERENCES "record_field" ("id") ON DELETE CASCADE,
    "kind" VARCHAR(30) NOT NULL, "options" JSON NOT NULL,
    "state" VARCHAR(30) NOT NULL CHECK ("state" IN ('filling', 'live', 'kept', 'gone')),
    "kept_until_at" MOMENT, "left_over" INTEGER NOT NULL
);
CREATE INDEX "record_slot_field_id" ON "record_slot" ("field_id");
CREATE INDEX "record_slot_organization_id" ON "record_slot" ("organization_id");

CREATE TABLE "record_option" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "field_id" INTEGER NOT NULL REFERENCES "record_field" ("id") ON DELETE CASCADE,
    "label" VARCHAR(80) NOT NULL, "api_name" VARCHAR(60) NOT NULL, "tone" VARCHAR(20) NOT NULL,
    "place" INTEGER NOT NULL, "merged_into_id" INTEGER, "archived_at" MOMENT
);
CREATE INDEX "record_option_field_id_place" ON "record_option" ("field_id", "place");
CREATE INDEX "record_option_organization_id" ON "record_option" ("organization_id");

CREATE TABLE "shape_change" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "collection_id" INTEGER NOT NULL REFERENCES "collection" ("id") ON DELETE CASCADE,
    "number" INTEGER NOT NULL, "what" JSON NOT NULL,
    "by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL, "undone_by_id" INTEGER
);
CREATE UNIQUE INDEX "shape_change_collection_id_number" ON "shape_change" ("collection_id", "number");
CREATE INDEX "shape_change_organization_id" ON "shape_change" ("organization_id");
CREATE INDEX "shape_change_by_id" ON "shape_change" ("by_id");

CREATE TABLE "record" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "collection_id" INTEGER NOT NULL REFERENCES "collection" ("id") ON DELETE CASCADE,
    "cells" TEXT NOT NULL, "words" TEXT NOT NULL, "words_more" TEXT NOT NULL,
    "created_by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL,
    "changed_at" MOMENT NOT NULL, "changed_by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL,
    "version" INTEGER NOT NULL, "import_id" INTEGER,
    "archived_at" MOMENT, "archived_by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL
);
CREATE INDEX "record_live" ON "record" ("collection_id", "id") WHERE archived_at IS NULL;
CREATE INDEX "record_made_by" ON "record" ("collection_id", "created_by_id", "id") WHERE archived_at IS NULL;
CREATE INDEX "record_archived" ON "record" ("collection_id", "id") WHERE archived_at IS NOT NULL;
CREATE INDEX "record_organization_id" ON "record" ("organization_id");
CREATE INDEX "record_created_by_id" ON "record" ("created_by_id");
CREATE INDEX "record_changed_by_id" ON "record" ("changed_by_id");
CREATE INDEX "record_archived_by_id" ON "record" ("archived_by_id");

CREATE TABLE "record_key" (
    "slot_id" INTEGER NOT NULL REFERENCES "record_slot" ("id") ON DELETE CASCADE,
    "key" CTEXT NOT NULL, "record_id" INTEGER NOT NULL,
    "organization_id" INTEGER NOT NULL,
    PRIMARY KEY ("slot_id", "key", "record_id")
) PIVOT;

CREATE TABLE "record_unique" (
    "slot_id" INTEGER NOT NULL REFERENCES "record_slot" ("id") ON DELETE CASCADE,
    "key" CTEXT NOT NULL, "record_id" INTEGER NOT NULL,
    "organization_id" INTEGER NOT NULL,
    PRIMARY KEY ("slot_id", "key")
) PIVOT;

CREATE TABLE "record_link" (
    "field_id" INTEGER NOT NULL REFERENCES "record_field" ("id") ON DELETE CASCADE,
    "from_id" INTEGER NOT NULL REFERENCES "record" ("id") ON DELETE CASCADE,
    "to_id" INTEGER NOT NULL REFERENCES "record" ("id") ON DELETE CASCADE,
    "place" INTEGER NOT NULL,
    "organization_id" INTEGER NOT NULL,
    PRIMARY KEY ("field_id", "from_id", "to_id")
) PIVOT;
CREATE INDEX "record_link_field_id_to_id_from_id" ON "record_link" ("field_id", "to_id", "from_id");
CREATE INDEX "record_link_from_id" ON "record_link" ("from_id");
CREATE INDEX "record_link_to_id" ON "record_link" ("to_id");

CREATE TABLE "record_rule" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "collection_id" INTEGER NOT NULL REFERENCES "collection" ("id") ON DELETE CASCADE,
    "who" VARCHAR(40) NOT NULL,
    "sees" VARCHAR(30) NOT NULL CHECK ("sees" IN ('all', 'some', 'none')), "where" JSON NOT NULL,
    "changes" VARCHAR(30) NOT NULL CHECK ("changes" IN ('all', 'mine', 'none')),
    "adds" BOOLEAN NOT NULL, "archives" BOOLEAN NOT NULL,
    "fields" JSON NOT NULL,
    "others" VARCHAR(30) NOT NULL CHECK ("others" IN ('change', 'see', 'nothing'))
);
CREATE UNIQUE INDEX "record_rule_collection_id_who" ON "record_rule" ("collection_id", "who");
CREATE INDEX "record_rule_organization_id" ON "record_rule" ("organization_id");
