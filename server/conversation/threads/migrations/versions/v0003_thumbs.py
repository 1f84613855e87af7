"""A thumb for a turn. Run by alembic."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("turns", sa.Column("thumb", sa.Text))


def downgrade() -> None:
    raise RuntimeError("Nothing goes back: an older program refuses a newer history.")
