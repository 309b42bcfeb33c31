"""What local.takedown says, carried over to the accounts of the index.

Upstream writes account.upstream_active, this alone taken_down and hidden_parts; queries see what
comes of both. Callers hold the writer's lock, so no account comes in between.
"""

from collections.abc import Sequence

from migrations.runner import Connection


async def follow_accounts(connection: Connection, dids: Sequence[str]) -> None:
    """Let these accounts be hidden, whole or in parts, exactly as far as takedowns name them."""
    # A DID's blobs and records lie between did/ and did0: 0 is the character behind the slash.
    await connection.execute(
        """
        update account
        set taken_down = said.taken_down, hidden_parts = said.hidden_parts
        from (
            select
                asked.did,
                exists (
                    select from local.takedown where takedown.subject = asked.did
                ) as taken_down,
                (
                    select array_agg(distinct part.name order by part.name)
                    from (
                        select split_part(subject, '/', 2) as name
                        from local.takedown
                        where subject > asked.did || '/' and subject < asked.did || '0'
                        union all
                        select subject
                        from local.takedown
                        where subject > 'at://' || asked.did || '/'
                          and subject < 'at://' || asked.did || '0'
                          and subject like '%.actor.profile/self'
                    ) as part
                ) as hidden_parts
            from unnest($1::text[]) as asked (did)
        ) as said
        where account.did = said.did
          and (account.taken_down, account.hidden_parts)
              is distinct from (said.taken_down, said.hidden_parts)
        """,
        sorted(dids),
    )
