"""What stands in the way of an organization's file, looked at before anything of it is brought in."""

from peewee import ForeignKeyField

from database.scope import everywhere
from domain.operations.moving import addresses, carried, packages, row_lines
from domain.organizations import organizations
from models import Arrival, LongJob, Organization

LEAVING = "organization_purge"


def look(path, slug=""):
    """What a file would bring: {name, slug, rows, people, findings, numbered, source, organization}. `findings` are
    sentences for what stands in its way; `numbered` are addresses of events that are taken here, and what each becomes.
    Refuses with Invalid what is no such file."""
    packed, manifest = packages.opened(path)
    with packed, packages.readable():
        told, people = packages.about(packed), packages.people(packed)
        wanted = organizations.slugged(slug or told["slug"])
        found = []
        if here := standing(manifest["install"], manifest["organization"]):
            found.append(f"It is here already, as {here.name}.")
        elif _leaves(manifest):
            found.append("What was begun of it is being removed. Try again in some minutes.")
        elif wanted in organizations.RESERVED or Organization.select().where(Organization.slug == wanted).exists():
            found.append(f"The address /{wanted} is taken here. Choose another one.")
        if not found:
            found += _taken(packed)
        return {
            "name": told["name"],
            "slug": wanted,
            "rows": sum(manifest["counts"][row_lines.name_of(table)] for table in carried.tables()),
            "people": [person for person in people if person["role"]],
            "findings": found,
            "numbered": addresses.numbered(packed),
            "source": manifest["install"],
            "organization": manifest["organization"],
        }


def standing(source, id):
    """What came of the organization with this id at that site and wasn't deleted since, or None."""
    row = arrival_of(source, id)
    found = row and Organization.get_by_id(row.row_id)
    return found if found and found.status != "deleted" else None


def arrival_of(source, id):
    """The Arrival of the organization with this id at that site, or None."""
    with everywhere("what came from another site may be anybody's"):
        return Arrival.one(Arrival.source == source, Arrival.table == "organization", Arrival.source_id == id)


def _leaves(manifest):
    """Whether what was begun of it, and given up, is still being removed."""
    begun = LongJob.select().where(LongJob.kind == LEAVING, LongJob.status.in_(("waiting", "running")))
    about = {"source": manifest["install"], "organization_there": manifest["organization"]}
    return any(about.items() <= job.facts.items() for job in begun)


def _taken(packed):
    """What may be only once on a site, and is here already."""
    found = []
    with everywhere("what may be only once may be any organization's"):
        for table in carried.tables():
            for field in _singular(table):
                for some in packages.rows(packed, table):
                    values = [row[field.name] for row in some if row[field.name] is not None]
                    if count := table.select().where(field.in_(values)).count():
                        found.append(f"{count} of {row_lines.name_of(table)} are here already, by {field.name}.")
                        break
    return found


def _singular(table):
    """The fields of which no two rows of a site may have the same, whosever they are."""
    meta, hidden = table._meta, row_lines.SECRETS | carried.MADE_ANEW
    told = [index for index in meta.indexes if isinstance(index, tuple)]
    several = [[meta.fields[name] for name in names] for names, is_unique in told if is_unique]
    alone = [[field] for field in meta.sorted_fields if field.unique and not field.primary_key]
    return [
        fields[-1]
        for fields in several + alone
        if not any(isinstance(field, ForeignKeyField) for field in fields)
        and (row_lines.name_of(table), fields[-1].name) not in hidden
    ]
