// SPDX-License-Identifier: Apache-2.0

import com.azure.core.credential.TokenCredential;
import com.azure.core.exception.HttpResponseException;
import com.azure.identity.DefaultAzureCredentialBuilder;
import com.azure.security.keyvault.keys.KeyClient;
import com.azure.security.keyvault.keys.KeyClientBuilder;
import com.azure.security.keyvault.keys.cryptography.CryptographyClient;
import com.azure.security.keyvault.keys.cryptography.CryptographyClientBuilder;
import com.azure.security.keyvault.keys.cryptography.models.EncryptParameters;
import com.azure.security.keyvault.keys.cryptography.models.DecryptParameters;
import com.azure.security.keyvault.keys.cryptography.models.EncryptionAlgorithm;
import com.azure.security.keyvault.keys.cryptography.models.KeyWrapAlgorithm;
import com.azure.security.keyvault.keys.cryptography.models.SignatureAlgorithm;
import com.azure.security.keyvault.keys.models.CreateEcKeyOptions;
import com.azure.security.keyvault.keys.models.CreateOctKeyOptions;
import com.azure.security.keyvault.keys.models.CreateRsaKeyOptions;
import com.azure.security.keyvault.keys.models.JsonWebKey;
import com.azure.security.keyvault.keys.models.KeyCurveName;
import com.azure.security.keyvault.keys.models.KeyProperties;
import com.azure.security.keyvault.keys.models.KeyRotationLifetimeAction;
import com.azure.security.keyvault.keys.models.KeyRotationPolicy;
import com.azure.security.keyvault.keys.models.KeyRotationPolicyAction;
import com.azure.security.keyvault.keys.models.KeyVaultKey;
import com.azure.security.keyvault.secrets.SecretClient;
import com.azure.security.keyvault.secrets.SecretClientBuilder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.Signature;
import java.util.Arrays;
import java.util.Map;
import javax.crypto.Cipher;

/**
 * Uses a vault and a managed HSM through the Azure SDK for Java, unmodified and with nothing but the environment variables that
 * genbu connect azure prints. The argument is how many keys named page-0000 and so on there are to page through.
 */
public class Scenarios {
  static final byte[] MESSAGE = "signed in the vault".getBytes(StandardCharsets.UTF_8);
  static TokenCredential credential;
  static KeyClient vault, hsm;
  static SecretClient secrets;
  static byte[] digest;

  public static void main(String[] args) throws Exception {
    digest = MessageDigest.getInstance("SHA-256").digest(MESSAGE);
    credential = new DefaultAzureCredentialBuilder().build();
    vault = new KeyClientBuilder().vaultUrl(System.getenv("AZURE_KEYVAULT_URL")).credential(credential).buildClient();
    hsm = new KeyClientBuilder().vaultUrl(System.getenv("AZURE_MANAGEDHSM_URL")).credential(credential).buildClient();
    secrets = new SecretClientBuilder().vaultUrl(System.getenv("AZURE_KEYVAULT_URL")).credential(credential).buildClient();
    System.out.println("scenario: sign");
    sign();
    System.out.println("scenario: symmetric");
    symmetric();
    System.out.println("scenario: life");
    life();
    System.out.println("scenario: secrets");
    secretLife();
    page(Integer.parseInt(args[0]));
    System.exit(0); // the HTTP client's threads would keep the program
  }

  static CryptographyClient use(KeyVaultKey key) {
    return new CryptographyClientBuilder().keyIdentifier(key.getId()).credential(credential).buildClient();
  }

  static void sign() throws Exception {
    KeyVaultKey ec = vault.createEcKey(new CreateEcKeyOptions("java-ec").setCurveName(KeyCurveName.P_256));
    byte[] sig = use(ec).sign(SignatureAlgorithm.ES256, digest).getSignature();
    PublicKey pub = ec.getKey().toEc().getPublic();
    check(verify("SHA256withECDSAinP1363Format", pub, sig), "the signature is not valid");
    sig[3] ^= 1;
    check(!verify("SHA256withECDSAinP1363Format", pub, sig), "a changed signature is valid");

    KeyVaultKey rsa = vault.createRsaKey(new CreateRsaKeyOptions("java-rsa").setKeySize(2048));
    CryptographyClient crypto = use(rsa);
    pub = rsa.getKey().toRsa().getPublic();
    sig = crypto.sign(SignatureAlgorithm.RS256, digest).getSignature();
    check(verify("SHA256withRSA", pub, sig), "the signature is not valid");
    check(crypto.verify(SignatureAlgorithm.RS256, digest, sig).isValid(), "the vault's signature is not valid to the SDK");
    byte[] secret = new byte[32];
    new SecureRandom().nextBytes(secret);
    Cipher c = Cipher.getInstance("RSA/ECB/OAEPWithSHA-1AndMGF1Padding");
    c.init(Cipher.ENCRYPT_MODE, pub);
    check(Arrays.equals(crypto.decrypt(EncryptionAlgorithm.RSA_OAEP, c.doFinal(secret)).getPlainText(), secret), "decrypted to something else");
    byte[] wrapped = crypto.wrapKey(KeyWrapAlgorithm.RSA_OAEP_256, secret).getEncryptedKey();
    check(Arrays.equals(crypto.unwrapKey(KeyWrapAlgorithm.RSA_OAEP_256, wrapped).getKey(), secret), "unwrapped to something else");

    java.security.KeyPairGenerator g = java.security.KeyPairGenerator.getInstance("RSA");
    g.initialize(2048);
    java.security.KeyPair pair = g.generateKeyPair();
    KeyVaultKey imported = vault.importKey("java-imported", JsonWebKey.fromRsa(pair));
    check(verify("SHA256withRSA", pair.getPublic(), use(imported).sign(SignatureAlgorithm.RS256, digest).getSignature()), "the imported key signs differently");
  }

  static boolean verify(String algorithm, PublicKey key, byte[] signature) throws Exception {
    Signature s = Signature.getInstance(algorithm);
    s.initVerify(key);
    s.update(MESSAGE);
    return s.verify(signature);
  }

  static void symmetric() {
    CryptographyClient crypto = use(hsm.createOctKey(new CreateOctKeyOptions("java-aes").setKeySize(256).setHardwareProtected(true)));
    byte[] aad = {1, 2, 3};
    var e = crypto.encrypt(EncryptParameters.createA256GcmParameters(MESSAGE, aad), com.azure.core.util.Context.NONE);
    var d = crypto.decrypt(DecryptParameters.createA256GcmParameters(e.getCipherText(), e.getIv(), e.getAuthenticationTag(), aad), com.azure.core.util.Context.NONE);
    check(Arrays.equals(d.getPlainText(), MESSAGE), "decrypted to something else");
    byte[] wrapped = crypto.wrapKey(KeyWrapAlgorithm.A256KW, digest).getEncryptedKey();
    check(Arrays.equals(crypto.unwrapKey(KeyWrapAlgorithm.A256KW, wrapped).getKey(), digest), "unwrapped to something else");
    check(hsm.getRandomBytes(17).length == 17, "random bytes");
  }

  static void life() throws Exception {
    vault.createEcKey(new CreateEcKeyOptions("java-life").setTags(Map.of("a", "b")));
    KeyVaultKey second = vault.rotateKey("java-life");
    check(second.getProperties().getTags().get("a").equals("b"), "the tag is gone");
    check(vault.listPropertiesOfKeyVersions("java-life").stream().count() == 2, "not two versions");
    vault.updateKeyRotationPolicy("java-life", new KeyRotationPolicy().setExpiresIn("P2Y")
        .setLifetimeActions(java.util.List.of(new KeyRotationLifetimeAction(KeyRotationPolicyAction.ROTATE).setTimeBeforeExpiry("P30D"))));
    check(vault.getKeyRotationPolicy("java-life").getLifetimeActions().get(0).getTimeBeforeExpiry().equals("P30D"), "another policy");
    vault.updateKeyProperties(second.getProperties().setEnabled(false));
    refused(403, () -> use(second).sign(SignatureAlgorithm.ES256, digest));
    vault.beginDeleteKey("java-life").waitForCompletion();
    refused(404, () -> vault.getKey("java-life"));
    refused(409, () -> vault.createEcKey(new CreateEcKeyOptions("java-life")));
    vault.beginRecoverDeletedKey("java-life").waitForCompletion();
    byte[] backup = vault.backupKey("java-life");
    vault.beginDeleteKey("java-life").waitForCompletion();
    vault.purgeDeletedKey("java-life");
    check(vault.restoreKeyBackup(backup).getProperties().getVersion().equals(second.getProperties().getVersion()), "another version");
  }

  static void secretLife() {
    secrets.setSecret("java-secret", "one");
    secrets.setSecret("java-secret", "two \u20ac");
    check(secrets.getSecret("java-secret").getValue().equals("two \u20ac"), "another value");
    check(secrets.listPropertiesOfSecretVersions("java-secret").stream().count() == 2, "not two versions");
    byte[] backup = secrets.backupSecret("java-secret");
    secrets.beginDeleteSecret("java-secret").waitForCompletion();
    refused(404, () -> secrets.getSecret("java-secret"));
    secrets.purgeDeletedSecret("java-secret");
    secrets.restoreSecretBackup(backup);
    check(secrets.getSecret("java-secret").getValue().equals("two \u20ac"), "another value after the restore");
  }

  static void page(int n) {
    int found = 0;
    for (KeyProperties k : vault.listPropertiesOfKeys()) {
      if (k.getName().startsWith("page-")) {
        check(k.getName().equals(String.format("page-%04d", found)), "not in order");
        found++;
      }
    }
    check(found == n, found + " keys");
  }

  static void refused(int status, Runnable act) {
    try {
      act.run();
    } catch (HttpResponseException e) {
      check(e.getResponse().getStatusCode() == status, "refused with " + e.getResponse().getStatusCode());
      return;
    }
    throw new AssertionError("not refused");
  }

  static void check(boolean ok, String what) {
    if (!ok) {
      throw new AssertionError(what);
    }
  }
}
