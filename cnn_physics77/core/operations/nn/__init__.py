"""The operations of neural networks: ``nn.functional``."""
