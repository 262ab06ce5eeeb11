// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @notice Size and root of the newest anchored checkpoint of one append-only log.
/// Only the account that deployed it writes. A size never shrinks and never gets a second root.
contract LedgerAnchor {
    address public immutable writer;
    uint64 public size;
    bytes32 public root;

    /// @notice Entries previousSize to size - 1 (counted from 0) are from now on fixed by `root`.
    event Anchored(uint64 indexed previousSize, uint64 indexed size, bytes32 root);

    error ForeignWriter();
    error SizeMustGrow(uint64 held);

    constructor() {
        writer = msg.sender;
    }

    function anchor(uint64 newSize, bytes32 newRoot) external {
        if (msg.sender != writer) revert ForeignWriter();
        if (newSize <= size) revert SizeMustGrow(size);
        emit Anchored(size, newSize, newRoot);
        size = newSize;
        root = newRoot;
    }
}
