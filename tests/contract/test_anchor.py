"""The contract of every chain behind the `Anchor` port, in memory and at a real node."""

from chain_made import Chain

from authcheck.ledger.anchor import Head, SignedTransaction

FIRST, SECOND = Head(100, b"1" * 32), Head(250, b"2" * 32)


def sent(chain: Chain, nonce: int, checkpoint: Head) -> SignedTransaction:
    """Sign and send a transaction."""
    anchor = chain.anchor()
    signed = anchor.sign(nonce, checkpoint)
    anchor.submit(signed)
    return signed


def test_an_empty_chain_holds_nothing(chain: Chain) -> None:
    """There is no head before the first anchor, and no receipt for a transaction that was never sent."""
    anchor = chain.anchor()
    assert anchor.head() is None
    signed = anchor.sign(anchor.used_nonces(), FIRST)
    assert anchor.receipt(signed.hash) is None
    assert anchor.head() is None


def test_the_same_transaction_has_the_same_bytes_and_hash(chain: Chain) -> None:
    """Signing the same anchor twice for one nonce gives one transaction."""
    anchor = chain.anchor()
    assert anchor.sign(1, FIRST) == anchor.sign(1, FIRST)
    assert anchor.sign(1, FIRST).hash != anchor.sign(2, FIRST).hash


def test_a_mined_anchor_says_what_it_covers(chain: Chain) -> None:
    """A receipt names the block, its depth, and the size that was held before."""
    anchor = chain.anchor()
    nonce = anchor.used_nonces()
    first, second = sent(chain, nonce, FIRST), sent(chain, nonce + 1, SECOND)
    assert anchor.receipt(first.hash) is None
    chain.mine()
    chain.mine(3)
    receipts = [anchor.receipt(one.hash) for one in (first, second)]
    assert [one.previous_size for one in receipts if one] == [0, 100]
    assert [one.confirmations for one in receipts if one] == [4, 4]
    assert receipts[0] is not None
    assert receipts[0].block_hash
    assert anchor.head() == SECOND


def test_sending_again_changes_nothing(chain: Chain) -> None:
    """Sending a transaction again changes nothing, neither while it waits nor once it is in a block."""
    anchor = chain.anchor()
    nonce = anchor.used_nonces()
    signed = sent(chain, nonce, FIRST)
    anchor.submit(signed)
    chain.mine()
    anchor.submit(signed)
    chain.mine()
    assert anchor.used_nonces() == nonce + 1
    assert anchor.head() == FIRST


def test_a_size_that_does_not_grow_is_refused(chain: Chain) -> None:
    """The contract refuses a smaller size and another root for the same size. The receipt says so."""
    anchor = chain.anchor()
    nonce = anchor.used_nonces()
    sent(chain, nonce, FIRST)
    again = sent(chain, nonce + 1, Head(100, b"x" * 32))
    smaller = sent(chain, nonce + 2, Head(99, b"x" * 32))
    chain.mine()
    for signed in (again, smaller):
        receipt = anchor.receipt(signed.hash)
        assert receipt is not None
        assert receipt.previous_size is None
    assert anchor.head() == FIRST
    assert anchor.used_nonces() == nonce + 3


def test_nonces_of_the_newest_blocks_are_told_apart(chain: Chain) -> None:
    """A nonce counts as used at a depth once that many blocks are above its own block."""
    anchor = chain.anchor()
    nonce = anchor.used_nonces()
    sent(chain, nonce, FIRST)
    chain.mine()
    assert (anchor.used_nonces(), anchor.used_nonces(1)) == (nonce + 1, nonce)
    chain.mine()
    assert anchor.used_nonces(1) == nonce + 1


def test_a_reorganisation_takes_an_anchor_back_and_the_same_bytes_bring_it_again(chain: Chain) -> None:
    """After a fork of 3 blocks there is no receipt and no head. The transaction is still valid."""
    anchor = chain.anchor()
    signed = sent(chain, anchor.used_nonces(), FIRST)
    chain.mine()
    before = anchor.receipt(signed.hash)
    chain.mine(2)
    chain.fork(3)
    assert anchor.receipt(signed.hash) is None
    assert anchor.head() is None
    anchor.submit(signed)
    chain.mine()
    after = anchor.receipt(signed.hash)
    assert before is not None
    assert after is not None
    assert after.block_hash != before.block_hash
    assert anchor.head() == FIRST
