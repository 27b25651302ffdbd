//! What networks share: layers, activations, losses, optimisers, the mini-batch loop.
