"""How people and machines ask: doors, parsing, and the pages that answer. Rules live in domain/."""
