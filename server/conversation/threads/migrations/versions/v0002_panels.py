"""Which turns were asked together, of a panel. Run by alembic."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("turns", sa.Column("panel", sa.JSON))


def downgrade() -> None:
    raise RuntimeError("Nothing goes back: an older program refuses a newer history.")
