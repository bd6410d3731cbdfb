"""An OpenID provider, npm `oidc-provider`, as a peer."""
